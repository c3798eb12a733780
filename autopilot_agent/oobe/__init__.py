"""Out-of-box experience: states, flow tables, modes, the world a step sees, the engine, and one module per step."""
