"""One module per group of commands; each registers its functions with ``@app.command()``."""
