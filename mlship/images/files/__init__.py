"""Images as files: blobs, manifests, layers, layouts and archives."""
