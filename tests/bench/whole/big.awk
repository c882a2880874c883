# Writes an Eta program of SIZE bytes (-v size=1000000): many procedures of the kinds that programs
# have, each calling some before it.
function emit(text) { print text; written += length(text) + 1 }

# A name of an earlier procedure of two arguments.
function earlier(i, back) { return "step-" (i > back ? i - back : 0) }

BEGIN {
    emit("(define (step-0 x y) (+ x y))")
    for (i = 1; written < size; i++) {
        emit("")
        emit(";; Number " i ": sums, picks and rearranges what it is given.")
        emit("(define (step-" i " first second)")
        emit("  (let* ((total (+ (* first " i % 97 ") second))")
        emit("         (half (quotient total 2))")
        emit("         (pairs (map (lambda (x) (cons x (" earlier(i, 1) " x half))) (list first second total))))")
        emit("    (define (weigh item) (if (> (car item) " i % 13 ") (cdr item) (- (cdr item))))")
        emit("    (cond ((null? pairs) 'empty-" i % 50 ")")
        emit("          ((and (> total 100) (not (= half second)))")
        emit("           (let loop ((rest pairs) (sum 0))")
        emit("             (if (pair? rest) (loop (cdr rest) (+ sum (weigh (car rest)))) sum)))")
        emit("          ((equal? first \"text " i "\") (display \"seen\") (newline) 0)")
        emit("          (else (" earlier(i, 7) " half (length pairs))))))")
    }
    emit("(display \"compiled\")")
    emit("(newline)")
}
