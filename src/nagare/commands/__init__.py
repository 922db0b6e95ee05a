"""Remote commands at the server: who may ask for them, who must agree, when they go out, and how they ended."""
