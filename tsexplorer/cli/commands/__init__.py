"""One file a group of commands; each registers its functions with ``@app.command()``."""
