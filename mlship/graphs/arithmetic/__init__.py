"""What several families compute: functions that ONNX Runtime lacks, sums in numpy's order, searches, texts."""
