       01  CLAIM.
           05  CLAIM-NUMBER        PIC 9(6).
           05  CLAIM-KIND          PIC X.
           05  CAR.
               10  PLATE           PIC X(8).
               10  DAMAGE          PIC S9(7)V99 COMP-3.
           05  HOUSE REDEFINES CAR.
               10  ADDRESS         PIC X(13).
           05  PART-COUNT          PIC 9.
           05  PARTS OCCURS 0 TO 3 DEPENDING ON PART-COUNT.
               10  PART-NAME       PIC X(5).
               10  PRICE           PIC S9(5) COMP.
       01  REMARK.
           05  REMARK-NUMBER       PIC 9(6).
           05  REMARK-TEXT         PIC X(20).
