"""Web serving, below the keyless server and the owner's desk: listener, TLS, connections, logs."""
