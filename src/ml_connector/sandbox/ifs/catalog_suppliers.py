"""Suppliers: the general part, addresses, and the purchase and invoice data it needs before use (facts/ifs.md 11.2)."""

from __future__ import annotations

from ml_connector.sandbox.ifs.model import Entity, EntitySet, EnumType, LogicalUnit, Nav, Projection, attributes

PARTY_TYPE = EnumType("PartyType", (("Supplier", "SUPPLIER"), ("Customer", "CUSTOMER"), ("Company", "COMPANY")))
ADDRESS_TYPE = EnumType(
    "AddressTypeCode", (("Delivery", "DELIVERY"), ("Document", "INVOICE"), ("Pay", "PAY"), ("Visit", "VISIT"))
)
COMM_METHOD = EnumType(
    "CommMethodCode",
    (("Phone", "PHONE"), ("Mobile", "MOBILE"), ("Fax", "FAX"), ("EMail", "E_MAIL"), ("Www", "WWW")),
)

SUPPLIER = LogicalUnit(
    "SupplierInfoGeneral",
    attributes(
        """
        SupplierId* text 20
        Name! text 100
        AssociationNo text 50
        Country text 20
        CountryCode text 2
        DefaultLanguage text 20
        CreationDate date read
        PartyType PartyType read
        SupplierCategory text 20
        DefaultDomain bool read
        Party text 20 read
        SuppliersOwnId text 20
        CorporateForm text 8
        IdentifierReference text 100
        IdentifierRefValidation text 20
        OneTime bool
        B2bSupplier bool
        BusinessClassification text 10
        PictureId int read
        ValidDataProcessingPurpose bool read
        """,
        (PARTY_TYPE,),
    ),
)
ADDRESS = LogicalUnit(
    "SupplierInfoAddress",
    attributes(
        """
        SupplierId* text 20
        AddressId* text 50
        Name text 100
        Address1,Address2,Address3,Address4,Address5,Address6 text 100
        ZipCode text 35
        City,County,State text 35
        Country! text 20
        EanLocation text 100
        ValidFrom date
        ValidTo date
        OutputMedia text 20
        SupplierBranch text 20
        """
    ),
)
ADDRESS_TYPE_ROW = LogicalUnit(
    "SupplierInfoAddressType",
    attributes(
        """
        SupplierId* text 20
        AddressId* text 50
        AddressTypeCode* AddressTypeCode
        DefAddress bool
        """,
        (ADDRESS_TYPE,),
    ),
)
COMMUNICATION = LogicalUnit(
    "CommMethod",
    attributes(
        """
        Identity* text 20
        PartyType* PartyType
        CommId* int
        AddressId text 50
        MethodId! CommMethodCode
        Value! text 200
        Name text 100
        MethodDefault bool
        AddressDefault bool
        """,
        (PARTY_TYPE, COMM_METHOD),
    ),
)
PURCHASE = LogicalUnit(
    "Supplier",
    attributes(
        """
        VendorNo* text 20
        CurrencyCode! text 3
        SuppGrp! text 10
        BuyerCode text 20
        PayTermId text 20
        TaxLiability text 20
        AcquisitionSite text 5
        OurCustomerNo text 80
        Discount dec
        OrderConfApproval bool
        PurchOrderFlag bool
        Category text 20
        """
    ),
)
INVOICE = LogicalUnit(
    "IdentityInvoiceInfo",
    attributes(
        """
        Company* text 20
        Identity* text 20
        PartyType* PartyType
        IdentityType text 20
        GroupId! text 20
        DefCurrency! text 3
        PayTermId! text 20
        DefVatCode text 20
        TaxLiability text 20
        InvoicingSupplier text 20
        MatchingLevel text 20
        AllowTolerance bool
        PercentTolerance dec
        AmountTolerance dec
        DefManSuppInvType text 20
        InvoiceRecipient text 20
        ReportAndWithhold bool
        UsePostingProposal bool
        ExpireDate date
        """,
        (PARTY_TYPE,),
    ),
)

PAYMENT = LogicalUnit(
    "IdentityPayInfo",
    attributes(
        """
        Company* text 20
        Identity* text 20
        PartyType* PartyType
        BlockedForPayment bool
        DefaultPaymentMethod text 20
        Priority int
        OtherPayeeIdentity text 20
        NettingAllowed bool
        IsOneInvPerPay bool
        """,
        (PARTY_TYPE,),
    ),
)
PAYMENT_WAY = LogicalUnit(
    "PaymentWayPerIdentity",
    attributes(
        """
        Company* text 20
        Identity* text 20
        PartyType* PartyType
        WayId* text 20
        DefaultPaymentWay bool
        FormatType text 20
        """,
        (PARTY_TYPE,),
    ),
)

_TO_WAY = (("Company", "Company"), ("Identity", "Identity"), ("PartyType", "PartyType"))
_TO_PARTY = (("SupplierId", "Identity"), ("PartyType", "PartyType"))
_GENERAL = Entity(
    "SupplierInfoGeneral",
    SUPPLIER,
    navs=(
        Nav("SupplierInfoAddresses", "SupplierInfoAddress", (("SupplierId", "SupplierId"),)),
        Nav("SupplierPurchases", "Supplier", (("SupplierId", "VendorNo"),)),
        Nav("SupplierInvoiceCompanies", "IdentityInvoiceInfo", _TO_PARTY),
        Nav("SupplierPayments", "IdentityPayInfo", _TO_PARTY),
    ),
)
_ADDRESS = Entity(
    "SupplierInfoAddress",
    ADDRESS,
    navs=(
        Nav("AddressTypes", "SupplierInfoAddressType", (("SupplierId", "SupplierId"), ("AddressId", "AddressId"))),
        Nav("AddressCommunicationMethods", "CommMethod", (("SupplierId", "Identity"), ("AddressId", "AddressId"))),
    ),
)

SUPPLIERS = (
    Projection(
        "SupplierHandling",
        "A supplier with its addresses, purchase and invoice data",
        (
            _GENERAL,
            _ADDRESS,
            Entity("SupplierInfoAddressType", ADDRESS_TYPE_ROW),
            Entity("CommMethod", COMMUNICATION),
            Entity("Supplier", PURCHASE),
            Entity("IdentityInvoiceInfo", INVOICE),
            Entity("IdentityPayInfo", PAYMENT, navs=(Nav("PaymentWayArray", "PaymentWayPerIdentity", _TO_WAY),)),
            Entity("PaymentWayPerIdentity", PAYMENT_WAY),
        ),
        (EntitySet("SupplierInfoGeneralSet", "SupplierInfoGeneral"),),
    ),
    Projection(
        "SuppliersHandling",
        "List of suppliers",
        (Entity("SupplierInfoGeneral", SUPPLIER),),
        (EntitySet("SupplierInfoGeneralSet", "SupplierInfoGeneral", "R"),),
    ),
    Projection(
        "SupplierInfoGeneralEntity",
        "Entity service of SupplierInfoGeneral",
        (Entity("SupplierInfoGeneral", SUPPLIER),),
        (EntitySet("SupplierInfoGeneralSet", "SupplierInfoGeneral"),),
        entity_service=True,
    ),
)
