"""What both demos are played on: a log that runs for a while, a customer with the command, and who tells of it.

    development_log    `glasslog-server dev` as a child process, ended whatever happens
    customer           who runs `glasslog` on files, with neither the server nor the vendor at hand
    summary            what was found, and the checks that decide how a demo ends
    narration          tells a person what happens, as it happens
    stage              a summary and a narration together: steps with their time, checks with their outcome
    folders, command   where a demo puts its files, and what its command line does around it

Nothing here knows what a demo is about.
"""
