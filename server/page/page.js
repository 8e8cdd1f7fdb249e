"use strict";
const at = (id) => document.getElementById(id);
let file = null;
const notes = new Map();
let turn = 0; // answers to an older choice are dropped

async function explain(response) {
  const problem = await response.json().catch(() => ({}));
  return new Error(problem.detail || `The server answered ${response.status}.`);
}

async function ask(format) {
  const query = new URLSearchParams({ model: at("model").value, mode: at("mode").value, format });
  const form = new FormData();
  form.append("image", file);
  const response = await fetch(`segment?${query}`, { method: "POST", body: form });
  if (!response.ok) throw await explain(response);
  return response;
}

function show(image, blob) {
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
}

function say(text, isError = false) {
  at("status").textContent = text;
  at("status").classList.toggle("error", isError);
}

async function segment() {
  if (!file) return;
  const mine = ++turn;
  say("Segmenting …");
  at("legend").replaceChildren();
  try {
    const start = performance.now();
    const mask = await (await ask("png")).blob();
    const seconds = (performance.now() - start) / 1000;
    if (mine !== turn) return;
    show(at("picture"), file);
    show(at("mask"), mask);
    at("view").hidden = false;
    say(`${file.name}: ${seconds.toFixed(2)} s`);
    await legend(mask, mine);
  } catch (error) {
    if (mine === turn) say(error.message, true);
  }
}

// Shares of the classes, counted from the mask's own colours: no second request.
async function legend(mask, mine) {
  const answer = await fetch(`models/${at("model").value}`);
  const { classes } = await answer.json();
  const bitmap = await createImageBitmap(mask);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const counts = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    counts.set(colour, (counts.get(colour) || 0) + 1);
  }
  if (mine !== turn) return;
  const names = new Map(); // ADE20K has two classes of one colour
  for (const { name, colour: [r, g, b] } of classes) {
    const colour = (r << 16) | (g << 8) | b;
    names.set(colour, [...(names.get(colour) || []), name]);
  }
  const rows = [...counts]
    .filter(([colour]) => names.has(colour))
    .sort(([, one], [, other]) => other - one);
  at("legend").replaceChildren(...rows.map(([colour, count]) => {
    const item = document.createElement("li");
    const swatch = document.createElement("i");
    swatch.style.background = `#${colour.toString(16).padStart(6, "0")}`;
    const share = (count * 4) / data.length;
    item.append(swatch, `${names.get(colour).join(" or ")} ${(share * 100).toFixed(1)} %`);
    return item;
  }));
}

function choose(chosen) {
  if (!chosen) return;
  file = chosen;
  segment();
}

async function chooseExample(image) {
  const blob = await (await fetch(image.src)).blob();
  choose(new File([blob], image.src.split("/").pop(), { type: blob.type }));
}

for (const button of at("examples").querySelectorAll("button")) {
  button.addEventListener("click", () => chooseExample(button.firstElementChild));
}
at("file").addEventListener("change", () => choose(at("file").files[0]));
at("model").addEventListener("change", () => {
  warn();
  segment();
});
at("mode").addEventListener("change", segment);
at("opacity").addEventListener("input", () => { at("mask").style.opacity = at("opacity").value / 100; });
at("form").addEventListener("submit", (event) => event.preventDefault());
for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  at("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", over);
    if (kind === "drop") choose(event.dataTransfer.files[0]);
  });
}

// What must be known of the chosen model's weights stands above every mask by them.
function warn() {
  const note = notes.get(at("model").value);
  at("weights").hidden = !note;
  at("weights").textContent = note ? `${at("model").value}: ${note}.` : "";
}

fetch("models").then((answer) => answer.json()).then((served) => {
  at("model").replaceChildren(...served.models.map(({ name }) => new Option(name)));
  at("model").value = served.default;
  for (const { name, weights } of served.models) notes.set(name, weights.note);
  warn();
});
