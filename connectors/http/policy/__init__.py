"""How the gateway treats each operation of a system while it is slow, failing or refusing. A file for each policy.

An operation is a method of a system's port, such as `billing.bills`: what one of them does says little about another,
while hosts and URLs say too little or too much. None of the policies repeats a write.
"""
