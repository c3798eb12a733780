"""The embedded cloud: an administrator's tenant, and a service that answers devices from it."""
