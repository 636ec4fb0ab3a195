"""A trained net as files that need nothing of this project to be used.

    archive.py      the archive: the net as ONNX and as safetensors, a card, a page on its use
    writer.py       asks a process of its own for the ONNX file
    __main__.py     that process

torch's exporter traces the net through machinery that all threads of a process share; beside a
training it runs in a process of its own.
"""
