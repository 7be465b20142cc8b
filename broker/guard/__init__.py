"""What stands before each target: breaker, pace, seats and retry budget; their state can be read and set.

Each part is a plain state machine that is told the time (monotonic seconds) and never waits; the stage
``broker.pipeline.guard`` waits for them. All are safe for threads, and their locks may be taken again by the
thread that holds them: the garbage collector can close an abandoned call at any instant, also inside a lock.
"""
