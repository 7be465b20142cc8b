"""placeholder: replaced below"""
