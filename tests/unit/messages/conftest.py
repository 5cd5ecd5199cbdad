from tests.support.galleries import database, service

__all__ = ["database", "service"]
