"""What is written from the code into files of the repository: the board, the alert rules, and tables of the pages."""
