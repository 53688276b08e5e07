// Package storetest states what a store promises, once, for every database.
package storetest
