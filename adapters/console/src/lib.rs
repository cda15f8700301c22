//! What an operator talks to: the admin API and the health endpoints.
