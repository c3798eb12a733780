"""The tenant on HTTP(S): a WSGI application over a tenant state, what it keeps, and the server around it."""
