"""Bytes to calls and back: one module per protocol, used by the device as client and by the served tenant.

A protocol's module has three things: flows (what a client sends for a call and how it reads the answer), routes (how a server
reads such requests and what it answers), and the codecs that both share. Nothing here opens a socket.
"""
