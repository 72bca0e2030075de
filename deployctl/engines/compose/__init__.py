"""The engine for a service on one host with Docker Compose."""
