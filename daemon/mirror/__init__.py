"""The mirror: a copy of the history elsewhere, for people who ask more of it than one box can say.

It follows the store's changes in a thread of its own. What happens to it delays copies, never
photos; afterwards both sides are equal, and nothing is there twice.
"""
