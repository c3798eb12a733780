"""The walkthrough: somebody sits in front of the simulated PC, sees its pages and answers them."""
