"""What pages share: the router, the service of this process, URL state, forms, the live view."""
