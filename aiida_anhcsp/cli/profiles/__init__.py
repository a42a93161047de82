"""AiiDA profiles made from credentials: what a server lacks is said before anything is stored."""
