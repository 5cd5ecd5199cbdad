"""The one class that users of the library see, by what it is asked for."""
