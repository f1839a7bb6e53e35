"""Reads and rewrites ONNX graphs: what lies under the methods of optimisation, no stage in sight."""
