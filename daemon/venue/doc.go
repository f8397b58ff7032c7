// Package venue is the small interface behind which every venue stands: what we have there, doing one thing, and asking what became of it.
//
// A venue answers with a result that says only what it knows. A time-out is not a refusal: it is Ambiguous, and stays open until Query
// says otherwise. An order carries our client order id; a venue never executes the same id twice.
package venue
