"""Is everything there that runs need, and does everything that should run still run?"""
