// Package valuemap translates reference data: from what a source calls a delivery mode, a store or a unit to what D365 calls it.
//
// A value map is a file of rows, CSV with the columns from, to and (if there is one) note, or YAML with a member for each row:
//
//	from,to,note
//	standard,99,by post
//	express,11,
//
// It is judged when it is read, all of it at once: rows without a value, values that stand there twice, and, unless it is one way, values
// of D365 that stand for two of the source's, so that nobody could tell them back. Values are compared exactly, without the white
// space around them.
//
// Rows are reference data and are quoted in problems; a value that comes in an event may be anything and is never quoted.
// Concurrency: a Map is not changed once it is read.
package valuemap
