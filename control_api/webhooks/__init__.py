"""What outside parties tell of their own accord. Each notice is believed for its signature, and for nothing else."""
