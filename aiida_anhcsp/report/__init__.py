"""Tables and plots of finished and running work chains."""
