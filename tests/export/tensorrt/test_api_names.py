"""Every TensorRT name that export/tensorrt/ uses is one that each of the listed APIs has.

There is no TensorRT here to run the scripts with, so their syntax trees are compared with the
lists of names that ``list_bindings.py`` made (``api_*.json``; another one put beside them counts
too). Looked at are the names after ``trt.`` and what is accessed on a TensorRT object: whatever
comes from ``trt.X(...)`` or from a method that is known to return one, and whatever has a name in
``VARIABLES``. So nothing else may have such a name.

A name that only some APIs have belongs under ``if hasattr(trt.X, "Y"):``. That branch is then
compared with the APIs where this is true, ``else`` with the others.
"""

import ast
import json
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

HERE = Path(__file__).parent
SCRIPTS = HERE.parents[2] / "export" / "tensorrt"

MODULES = {"trt", "tensorrt", "tensorrt_rtx"}
VARIABLES = {
    "builder": "Builder",
    "cache": "ITimingCache",
    "config": "IBuilderConfig",
    "engine": "ICudaEngine",
    "inspector": "EngineInspector",
    "layer": "ILayer",
    "logger": "Logger",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "profile": "IOptimizationProfile",
    "runtime": "Runtime",
    "tensor": "ITensor",
}
# TensorRT calls these, so a subclass has to define them.
ABSTRACT = {
    "ILogger": {"log"},
    "IProgressMonitor": {"phase_finish", "phase_start", "step_complete"},
}


class Value(NamedTuple):
    """What an expression is: the module, a class of it (``name``), an object or a list of these."""

    kind: Literal["module", "class", "object", "list"]
    name: str = "trt"


NAMED = {name: Value("module") for name in MODULES}
NAMED |= {name: Value("object", label) for name, label in VARIABLES.items()}


class Api(NamedTuple):
    title: str
    names: set[str]
    classes: dict[str, list[str]]
    returns: dict[str, str]

    def has(self, value: Value, attribute: str) -> bool:
        # A class that is missing altogether is reported where it is named.
        names = self.names if value.kind == "module" else self.classes.get(value.name, [attribute])
        return attribute in names or attribute.startswith("__") or value.kind == "list"


def _read(path: Path) -> Api:
    data = json.loads(path.read_text())
    classes = data["classes"] | data["enums"]
    title = f"{path.stem.removeprefix('api_')} ({data['version']})"
    names = {*classes, *data["functions"], *data["constants"]}
    return Api(title, names, classes, data["returns"])


APIS = [_read(path) for path in sorted(HERE.glob("api_*.json"))]
RETURNS = {method: name for api in APIS for method, name in api.returns.items()}


class Checker(ast.NodeVisitor):
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[str] = []
        self.used: set[str] = set()  # names after `trt.`
        self.apis = APIS  # those with which the code being looked at can run
        self.scopes: list[dict[str, Value | None]] = [{}]

    def report(self, node: ast.stmt | ast.expr, text: str) -> None:
        self.problems.append(f"{self.file}:{node.lineno}: {text}")

    def check(self, node: ast.stmt | ast.expr, value: Value | None, attribute: str) -> None:
        if value and value.kind == "module":
            self.used.add(attribute)
        missing = [api.title for api in self.apis if value and not api.has(value, attribute)]
        if value and missing:
            self.report(node, f"{value.name}.{attribute} is not in TensorRT {', '.join(missing)}")

    def value(self, node: ast.expr) -> Value | None:
        match node:
            case ast.Name(id=name):
                bound = [scope[name] for scope in self.scopes if name in scope]
                return bound[-1] if bound else NAMED.get(name)
            case ast.Attribute(value=base, attr=name):
                owner = self.value(base)
                if owner is None:
                    held = isinstance(base, ast.Name) and base.id == "self"
                    return NAMED.get(name.lstrip("_")) if held or name == "trt" else None
                label = name if owner.kind == "module" else f"{owner.name}.{name}"
                known = owner.kind != "object" and any(label in api.classes for api in APIS)
                return Value("class", label) if known else None
            case ast.Call(
                func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=name)]
            ):
                return Value("module") if name in MODULES else None
            case ast.Call(func=function):
                called = self.value(function)
                if called and called.kind == "class":
                    return Value("object", called.name)
                if isinstance(function, ast.Attribute) and function.attr in RETURNS:
                    return Value("object", RETURNS[function.attr])
            case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
                element = self.value(part)
                return Value("list", element.name) if element else None
        return None

    def bind(self, target: ast.expr, value: Value | None) -> None:
        if isinstance(target, ast.Name):
            self.scopes[-1][target.id] = value or NAMED.get(target.id)

    def scope(self, *parts: ast.AST) -> None:
        self.scopes.append({})
        for part in parts:
            self.visit(part)
        self.scopes.pop()

    def split(self, test: ast.expr) -> tuple[list[Api], list[Api]]:
        """Check a condition; return the APIs where it can be true and those where false."""
        match test:
            case ast.Call(func=ast.Name(id="hasattr"), args=[base, ast.Constant(value=str(name))]):
                if value := self.value(base):
                    self.visit(base)
                    true = [api for api in self.apis if api.has(value, name)]
                    if self.apis and not true:
                        self.report(test, f"{value.name}.{name} is in no TensorRT: never true")
                    return true, [api for api in self.apis if api not in true]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                true, false = self.split(operand)
                return false, true
            case ast.BoolOp(op=ast.And(), values=values):
                before = self.apis
                for part in values:
                    self.apis, _ = self.split(part)
                true, self.apis = self.apis, before
                return true, before
        self.visit(test)
        return self.apis, self.apis

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        if isinstance(node.op, ast.And):
            self.split(node)
        else:
            self.generic_visit(node)

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        before, branches = self.apis, (node.body, node.orelse)
        for self.apis, branch in zip(self.split(node.test), branches, strict=True):  # noqa: B020
            for part in branch if isinstance(branch, list) else [branch]:
                self.visit(part)
        self.apis = before

    visit_IfExp = visit_If  # noqa: N815

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.check(node, self.value(node.value), node.attr)
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        match node:  # a getattr with a default never fails
            case ast.Call(func=ast.Name(id="getattr"), args=[base, name]):
                if isinstance(name, ast.Constant):
                    self.check(node, self.value(base), str(name.value))
                elif self.value(base):
                    self.report(node, "a computed name cannot be checked")

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = ast.Name(alias.asname or alias.name)
            if isinstance(node, ast.ImportFrom) and node.module in MODULES:
                self.check(node, Value("module"), alias.name)
                self.bind(name, Value("class", alias.name))
            elif alias.name in MODULES:
                self.bind(name, Value("module"))

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_Assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        self.generic_visit(node)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self.bind(target, self.value(node.value) if node.value else None)

    visit_AnnAssign = visit_Assign  # noqa: N815

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        several = self.value(node.iter)
        each = Value("object", several.name) if several and several.kind == "list" else None
        self.bind(node.target, each)
        self.generic_visit(node)

    visit_comprehension = visit_For

    def visit_ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        self.scope(*node.generators, node.elt)

    visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scope(*ast.iter_child_nodes(node))

    def visit_arg(self, node: ast.arg) -> None:
        self.bind(ast.Name(node.arg), None)
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        defined = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        for value in map(self.value, node.bases):
            if value and value.kind == "class":
                for name, function in defined.items():
                    if not name.startswith("_"):
                        self.check(function, value, name)
                for name in sorted(ABSTRACT.get(value.name, set()) - set(defined)):
                    self.report(node, f"{node.name} does not define {value.name}.{name}")
        self.scope(*ast.iter_child_nodes(node))


def problems(folder: Path) -> list[str]:
    found, used = [], set()
    for path in sorted(folder.rglob("*.py")):
        checker = Checker(path.relative_to(folder.parents[1]).as_posix())
        checker.visit(ast.parse(path.read_text()))
        found += checker.problems
        used |= checker.used
    return found if used else [*found, f"no name of trt is used in {folder.name}/: nothing checked"]


def test_every_api_has_the_names_that_the_scripts_use() -> None:
    found = problems(SCRIPTS)
    assert not found, "\n".join(found)


def test_the_tables_fit_the_listed_apis() -> None:
    assert {api.title.split(".")[0] for api in APIS} >= {"10 (10", "11 (11", "rtx (1"}
    for api in APIS:
        assert set(VARIABLES.values()) <= set(api.classes)
        assert all(names <= set(api.classes[name]) for name, names in ABSTRACT.items())


def test_a_folder_without_tensorrt_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "build.py").write_text("import json\njson.dumps(1)\n")
    assert "nothing checked" in problems(tmp_path)[0]


MONITOR = "class Monitor(trt.IProgressMonitor):\n" + "".join(
    f"  def {name}(self): ...\n" for name in ABSTRACT["IProgressMonitor"]
)
NOT_IN_11 = "is not in TensorRT 11 (11.4.0.106), rtx (1.7.1.116)"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("config.set_flag(trt.BuilderFlag.FP16)", f"BuilderFlag.FP16 {NOT_IN_11}"),
        ("from tensorrt import IInt8Calibrator", f"trt.IInt8Calibrator {NOT_IN_11}"),
        ("flag = trt.BuilderFlag\nflag.FP16", f"BuilderFlag.FP16 {NOT_IN_11}"),
        ("def f(a, builder):\n  return builder.platform_has_fast_fp16", f"fp16 {NOT_IN_11}"),
        ("self._engine.device_memory_size", f"ICudaEngine.device_memory_size {NOT_IN_11}"),
        ("n = x.create_network(0)\nn.get_input(0).dynamic_range", f"dynamic_range {NOT_IN_11}"),
        ("e = [p.get_error(i) for i in x]\n[x.nodes for x in e]", "ParserError.nodes is not in"),
        ("for e in (p.get_error(i) for i in x):\n  e.nodes()", "ParserError.nodes is not in"),
        ("getattr(trt.BuilderFlag, name)", "a computed name cannot be checked"),
        ("config.build_route = ''", "IBuilderConfig.build_route is not in TensorRT 10 (10.16"),
        ("if hasattr(config, 'x'):\n  config.x", "IBuilderConfig.x is in no TensorRT: never true"),
        ("if hasattr(trt.BuilderFlag, 'TF32'):\n  trt.BuilderFlag.FP16", f"FP16 {NOT_IN_11}"),
        ("if not hasattr(trt.BuilderFlag, 'FP16'):\n  trt.BuilderFlag.FP16", f"FP16 {NOT_IN_11}"),
        (f"{MONITOR}  def phase_end(self): ...", "IProgressMonitor.phase_end is not in"),
        ("class L(trt.ILogger):\n  x = 1", "L does not define ILogger.log"),
        # These are fine.
        ("if hasattr(trt.BuilderFlag, 'FP16'):\n  config.set_flag(trt.BuilderFlag.FP16)", ""),
        ("if not hasattr(config, 'build_route'):\n  pass\nelse:\n  config.build_route = ''", ""),
        ("if x and hasattr(builder, 'platform_has_tf32') and builder.platform_has_tf32: pass", ""),
        ("y = trt.TacticSource.CUDNN if hasattr(trt.TacticSource, 'CUDNN') else None", ""),
        (f"{MONITOR}  def _draw(self): ...", ""),
        ("trt.Logger(trt.Logger.Severity.INFO).min_severity = trt.Logger.ERROR", ""),
    ],
)
def test_a_name_that_an_api_lacks_is_reported(script: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "build.py").write_text(f"trt.Builder\n{script}\n")
    found = problems(tmp_path)
    assert len(found) == bool(problem)
    assert all(f"/{tmp_path.name}/build.py:" in line and problem in line for line in found)
