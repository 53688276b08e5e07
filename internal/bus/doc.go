// Package bus is how the parts of Parley talk: questions with an answer
// ([Call]), announcements ([Topic]) and the intake log ([Log]).
//
// It is the only home of NATS. One process that is everything embeds the
// server; a cluster dials one. Nothing else differs, and nobody outside this
// package can tell.
package bus
