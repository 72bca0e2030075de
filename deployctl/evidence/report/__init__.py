"""What people read of a run: `seal.md` and `seal.html`, both views of its seal."""
