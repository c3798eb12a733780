"""Who answers a device's calls: the embedded tenant, faults in front of any backend, and backends of others."""
