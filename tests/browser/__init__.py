"""Tests in Chromium; a package, so that fixtures can have its scope."""
