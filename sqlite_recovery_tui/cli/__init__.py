"""The command line: arguments in, engine calls, text or JSON out."""
