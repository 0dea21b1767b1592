"""The tables. Migrations are made from these classes; what is read and written goes by the statements of the repos.

Repos write SQL because Tortoise binds a model class to one dialect and one connection for the whole process, while a
process may have several stores open; and because the hot reads need window functions and unions.
"""
