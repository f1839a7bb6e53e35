"""Deploy targets: what turns an image into the files of a platform."""
