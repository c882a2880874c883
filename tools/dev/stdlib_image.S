/* The compiled standard library as read-only data of the programs. IMAGE_FILE is given by make. */
    .section .rodata
    .balign 64
    .global eta_stdlib_image
    .type eta_stdlib_image, %object
eta_stdlib_image:
    .incbin IMAGE_FILE
    .global eta_stdlib_image_end
eta_stdlib_image_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
