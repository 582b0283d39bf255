package mapping

// The kinds of business objects and of reference data whose ids are mapped. They are names in keys and files, so none is ever renamed.
const (
	KindCustomer      = "customer"
	KindOrder         = "order"
	KindReturn        = "return"
	KindProduct       = "product"
	KindCategory      = "category"
	KindStore         = "store"
	KindWarehouse     = "warehouse"
	KindDeliveryMode  = "delivery-mode"
	KindPaymentMethod = "payment-method"
	KindCurrency      = "currency"
	KindUnit          = "unit"
	KindReason        = "reason"
	KindCountry       = "country"
)

// Kind is one kind of what is mapped.
type Kind struct {
	Name string
	What string // one sentence: what it is, and which id D365 has for it
}

// Kinds lists every kind there is: first what changes every day, then reference data, which people change now and then.
func Kinds() []Kind {
	return []Kind{
		{KindCustomer, "Somebody who buys; bound by runs to an account number."},
		{KindOrder, "What somebody has bought; bound by runs to headquarters' sales id, and to its transaction id until headquarters has it."},
		{KindReturn, "What somebody brings back; bound by runs to its transaction id."},
		{KindProduct, "What is sold; bound to its record id."},
		{KindCategory, "A group of products; its record id."},
		{KindStore, "A shop where orders are picked up or shipped from; its operating unit number."},
		{KindWarehouse, "Where goods lie; its inventory location id."},
		{KindDeliveryMode, "A way in which goods get to their customers; its code."},
		{KindPaymentMethod, "A way to pay; its tender type id."},
		{KindCurrency, "What amounts are in; its ISO 4217 code."},
		{KindUnit, "What quantities are in; the symbol of its unit of measure."},
		{KindReason, "Why something was done, such as a return; its reason code."},
		{KindCountry, "A country or region of addresses; its id in headquarters, as a rule ISO 3166-1 alpha-3."},
	}
}

// KindNames lists the names of Kinds.
func KindNames() []string {
	all := Kinds()
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = k.Name
	}
	return names
}
