"""From hints to messages: who subscribed to what, what they are told, and how much of it waits for them.

Transports (`gateway.http.websocket`, `gateway.http.sse`) authenticate, subscribe, and take messages when they can send.
"""
