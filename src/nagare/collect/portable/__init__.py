"""The small set of collectors for systems without ``/proc``, through psutil, which is loaded at the first reading."""
