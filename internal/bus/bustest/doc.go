// Package bustest gives tests a bus: a fresh one, a faulty one, one that can be
// taken away, and the suite of promises that every bus keeps.
package bustest
