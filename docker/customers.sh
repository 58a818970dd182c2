#!/bin/sh
# Fills Redis with customers: those of a cust.csv in the job's folder, or else 5,000 made-up ones, the same at every start.
set -eu

csv=${XDG_STATE_HOME:-.}/sluice/cust.csv
[ -s "$csv" ] || awk 'BEGIN {
    srand(1)
    print "CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps"
    for (id = 0; id < 5000; id++)
        printf "%d,\"Customer %d\",%d,\"%d Easy Street\",\"%05d\",\"%02d/%02d/%d\",%d,%d,%d,%d\n", id, id, rand() < 0.4,
            1 + rand() * 9999, rand() * 100000, 1 + rand() * 12, 1 + rand() * 28, 2011 + rand() * 3, rand() < 0.9,
            rand() * rand() * 3, rand() * 5, rand() * 2
}' >"$csv"
exec sluice submit --name import_customers --from "customers=file:$csv" import_customers
