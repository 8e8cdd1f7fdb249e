"""ONNX graphs of a network: exported, with labels inside, in float16."""
