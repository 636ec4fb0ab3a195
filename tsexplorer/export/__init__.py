"""Export of a trained net as files that can be used without this project.

    archive.py      the zip archive: ONNX file, safetensors file, model card, README
    __main__.py     the process that writes the ONNX file

torch's exporter changes state that all threads of a process share, so it runs in a process of its
own, beside a training.
"""
