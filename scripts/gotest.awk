# Reads `go test -v`. With several packages go test prints each package's output in one piece, ended by its ok, FAIL or ? line.

function flush_text() { printf "%s", text; text = "" }
function add(line) { text = text line "\n" }

# What does not build is told at once, outside of any package's piece: "# package", then the compiler's lines.
/^# / { building = 1 }
/^(=== |ok  \t|FAIL\t|\? +\t)/ { building = 0 }
building { print; next }

/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^ *--- PASS: / { passed++; inPackage++; next }
/^ *--- SKIP: / { skipped++; skips = skips $0 "\n"; add($0); next }
/^ *--- FAIL: / { failed++; add($0); next }
/^(PASS|FAIL)$/ { next }
/^\? +\t.*\[no test files\]$/ { next }
/^ok  \t/ { packages++; printf "%s\t%d tests\n", $0, inPackage; fflush(); inPackage = 0; text = ""; next }
/^FAIL\t/ { broken++; flush_text(); print; fflush(); inPackage = 0; next }
{ add($0) }

END {
	flush_text()
	printf "%d tests passed, %d failed, %d skipped; %d packages ok, %d failed\n", passed, failed, skipped, packages, broken
	if (skipped) printf "a skipped test counts as a failure here:\n%s", skips
	exit (failed || broken || skipped || packages == 0) ? 1 : 0
}
