"""SSH: connect, run programs, upload, tunnel. Knows nothing of gates or rollouts."""
