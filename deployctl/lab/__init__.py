"""A disposable server on this machine: rehearse a hotfix on it, or break it in a test.

`service.Lab` is the way in.
"""
