"""Import of images: from a folder, a zip file, arrays or tables to a dataset on disk."""
