"""Measures trio-supervisor beside supervisor and honcho; `make bench` prints the table.

Everything is observed from outside, through /proc and pipes. Imports nothing of
trio_supervisor except its wire format; needs Linux.
"""
